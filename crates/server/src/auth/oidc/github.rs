//! GitHub, which is no OpenID Connect: who somebody is, is asked of its API. Groups are organisations and `organisation/team`.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::flow::{Started, Verified};
use super::{Claims, OidcError, Provider};

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Mail {
    email: String,
    primary: bool,
    verified: bool,
}

#[derive(Deserialize)]
struct Organisation {
    login: String,
}

#[derive(Deserialize)]
struct Team {
    slug: String,
    organization: Organisation,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: Option<String>,
    error_description: Option<String>,
}

impl Provider {
    pub(super) fn api(&self, path: &str) -> String {
        let issuer = self.settings.issuer.trim_end_matches('/');
        match issuer {
            "https://github.com" => format!("https://api.github.com{path}"),
            // An Enterprise server has it below its own address.
            _ => format!("{issuer}/api/v3{path}"),
        }
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, access: &str) -> Result<Option<T>, OidcError> {
        let asked = async {
            let address = self.fetch.address(&self.api(path))?;
            let request =
                self.fetch.get(address)?.bearer_auth(access).header("accept", "application/vnd.github+json");
            self.fetch.json::<serde_json::Value>(request).await
        };
        let (status, value) = asked.await.map_err(|why: String| self.unreachable(why))?;
        // What the token may not see is left out: its scopes decide.
        if matches!(status, 403 | 404) {
            return Ok(None);
        }
        let read = if status == 200 { serde_json::from_value(value).ok() } else { None };
        read.map(Some).ok_or_else(|| self.unreachable(format!("it answered {status} for {path}")))
    }

    pub(super) async fn finish_github(
        &self,
        started: &Started,
        code: &str,
        callback: &str,
    ) -> Result<Verified, OidcError> {
        let issuer = self.settings.issuer.trim_end_matches('/').to_owned();
        let asked = async {
            let address = self.fetch.address(&format!("{issuer}/login/oauth/access_token"))?;
            let body = serde_json::json!({
                "client_id": self.settings.client_id,
                "client_secret": self.settings.client_secret,
                "code": code,
                "redirect_uri": callback,
                "code_verifier": started.verifier,
            });
            let request = self.fetch.post(address)?.header("accept", "application/json").json(&body);
            self.fetch.json::<Exchanged>(request).await
        };
        let (_, exchanged) = asked.await.map_err(|why: String| self.unreachable(why))?;
        let access = exchanged.access_token.ok_or_else(|| {
            let why = exchanged.error_description.unwrap_or_default();
            self.refused(format!("it does not take its own code: {}", rigi_model::text::excerpt(&why)))
        })?;
        let user: User =
            self.ask("/user", &access).await?.ok_or_else(|| self.refused("it does not say who it is"))?;
        let mails: Vec<Mail> = self.ask("/user/emails", &access).await?.unwrap_or_default();
        let mail = mails.into_iter().find(|mail| mail.primary);
        let organisations: Option<Vec<Organisation>> = self.ask("/user/orgs?per_page=100", &access).await?;
        let teams: Option<Vec<Team>> = self.ask("/user/teams?per_page=100", &access).await?;
        let groups = organisations.map(|organisations| {
            let teams =
                teams.into_iter().flatten().map(|team| format!("{}/{}", team.organization.login, team.slug));
            organisations.into_iter().map(|organisation| organisation.login).chain(teams).collect()
        });
        let claims = Claims {
            subject: user.id.to_string(),
            name: user.name.filter(|name| !name.is_empty()).or(Some(user.login)),
            mail_verified: mail.as_ref().is_some_and(|mail| mail.verified),
            mail: mail.map(|mail| mail.email),
            groups,
            groups_left_out: false,
            session: None,
            names: ["id", "login", "name", "emails", "orgs", "teams"].map(str::to_owned).into(),
        };
        Ok(Verified { issuer, claims })
    }
}
