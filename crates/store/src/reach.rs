//! Why a PostgreSQL cannot be used, and what to do: said when a server starts with it.

use sqlx::postgres::PgDatabaseError;

use crate::Error;

const NO_POOL: &str = "connect to PostgreSQL itself: a pool such as pgbouncer gives each transaction another session, and \
                       the lock that keeps a second server out belongs to one";
const ESCAPE: &str = "write such characters of the password in `database.url` as `%` and two digits: @ is %40, / is %2F, # is %23, \
                      ? is %3F, : is %3A, % is %25";

/// Settings that were asked for are not those of the session.
pub fn behind_a_pool() -> Error {
    let what = "there is a pool of connections in between, which does not hand on the settings of a session";
    Error::Database { what: what.into(), cure: NO_POOL }
}

/// A failure of the first connection to this address.
pub fn explain(url: &str, error: sqlx::Error) -> Error {
    let known = |what: String, cure| Error::Database { what, cure };
    if !matches!(error, sqlx::Error::Database(_))
        && let Some(character) = unescaped(url)
    {
        let what = format!("the password in its address holds `{character}`, which ends the password there");
        return known(what, ESCAPE);
    }
    let told = error.as_database_error().and_then(|e| e.try_downcast_ref::<PgDatabaseError>());
    let Some(told) = told else {
        return match error {
            sqlx::Error::Configuration(why) => known(
                format!("its address cannot be read: {why}"),
                "write `database.url` as `postgres://user:password@host:port/name`",
            ),
            other => other.into(),
        };
    };
    let what = told.message().to_owned();
    match told.code() {
        "08P01" if what.contains("startup parameter") => known(what, NO_POOL),
        "28P01" | "28000" => {
            known(what, "check the user and the password of `database.url`, and the server's `pg_hba.conf`")
        }
        "3D000" => known(what, "make the database (`createdb NAME`), or name another in `database.url`"),
        "42501" => known(what, "give the user of `database.url` the right to make a schema and tables there"),
        "53300" => known(what, "let PostgreSQL take more connections: Rigi has up to ten"),
        _ => error.into(),
    }
}

/// A character of an address's password that must not stand there as it is.
fn unescaped(url: &str) -> Option<char> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    let ends = |(at, c): (usize, char)| match c {
        '/' | '#' | '?' | '@' | ' ' | '[' | ']' | '\\' => Some(c),
        '%' => {
            let digits = password.as_bytes().get(at + 1..at + 3);
            let coded = digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
            (!coded).then_some(c)
        }
        _ => None,
    };
    password.char_indices().find_map(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_ends_too_soon_is_seen() {
        for (url, wrong) in [
            ("postgres://u:p@ss@host/db", Some('@')),
            ("postgres://u:p/ss@host/db", Some('/')),
            ("postgres://u:p#ss@host:5432/db?schema=x", Some('#')),
            ("postgres://u:50%off@host/db", Some('%')),
            ("postgres://u:100%@host/db", Some('%')),
            ("postgres://u:p%40ss:x@host/db", None),
            ("postgres://u@host/db", None),
            ("postgres://host/db", None),
            ("nonsense", None),
        ] {
            assert_eq!(unescaped(url), wrong, "{url}");
        }
    }

    #[test]
    fn what_is_said_never_holds_the_password() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let told = explain("postgres://u:hunter2#x@host/db", sqlx::Error::Io(refused));
        assert!(
            matches!(&told, Error::Database { what, cure } if what.contains("`#`") && cure.contains("%23")),
            "{told:?}"
        );
        assert!(!format!("{told:?}").contains("hunter2"));
        let why = sqlx::Error::Configuration("empty host".into());
        assert!(matches!(explain("postgres://", why), Error::Database { .. }));
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(matches!(explain("postgres://u:p@host/db", sqlx::Error::Io(refused)), Error::Unavailable(_)));
    }
}
