//! What each kind of channel is sent. Text that comes from people stays text: it mentions nobody, and links nowhere.
//!
//! Sources: Slack "Incoming webhooks" and "Formatting text", Microsoft "Adaptive Cards for workflows", Discord "Execute webhook",
//! ntfy "Publish as JSON".

use serde_json::{Value, json};

use super::{ChannelKind, Message, NoticeKind};

/// What is posted.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// To which address: ntfy's is that of its server.
    pub url: String,
    /// What.
    pub json: Value,
}

/// What is posted to a channel at an address; `None`: it is not told by HTTP, or its address will not do.
#[must_use]
pub fn body_of(
    kind: ChannelKind,
    url: &str,
    message: &Message,
    link: Option<&str>,
    id: &str,
) -> Option<Body> {
    let (title, text) = (message.title.as_str(), message.text.as_str());
    let json = match kind {
        ChannelKind::Mail => return None,
        ChannelKind::Slack => {
            let link = link.map(|link| format!("\n<{link}|Open>")).unwrap_or_default();
            json!({"text": format!("*{}*\n{}{link}", slack(title), slack(text))})
        }
        ChannelKind::Teams => {
            let block = |text: &str, weight: &str| json!({"type": "TextBlock", "text": teams(text), "wrap": true, "weight": weight});
            let actions: Vec<Value> = link
                .into_iter()
                .map(|link| json!({"type": "Action.OpenUrl", "title": "Open", "url": link}))
                .collect();
            let card = json!({
                "type": "AdaptiveCard",
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "version": "1.4",
                "body": [block(title, "Bolder"), block(text, "Default")],
                "actions": actions,
            });
            json!({"type": "message", "attachments": [
                {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]})
        }
        ChannelKind::Discord => {
            let link = link.map(|link| format!("\n<{link}>")).unwrap_or_default();
            let content = format!("**{}**\n{}{link}", discord(title), discord(text));
            // 2,000 characters are all that it takes.
            let content: String = content.chars().take(2000).collect();
            json!({"content": content, "allowed_mentions": {"parse": []}})
        }
        ChannelKind::Ntfy => {
            let (server, topic) = url.trim_end_matches('/').rsplit_once('/')?;
            let bad = !matches!(
                message.kind,
                NoticeKind::Succeeded | NoticeKind::Recovered | NoticeKind::Test | NoticeKind::Sent
            );
            let mut body =
                json!({"topic": topic, "title": title, "message": text, "priority": if bad { 4 } else { 3 }});
            if let (Some(link), Some(body)) = (link, body.as_object_mut()) {
                body.insert("click".to_owned(), link.into());
            }
            return Some(Body { url: format!("{server}/"), json: body });
        }
        ChannelKind::Webhook => json!({
            "type": format!("rigi.{}", message.kind),
            "id": id,
            "title": title,
            "text": text,
            "link": link,
            "data": message.facts,
        }),
    };
    Some(Body { url: url.to_owned(), json })
}

fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Cards read a part of Markdown.
fn teams(text: &str) -> String {
    escape(text, &['\\', '*', '_', '[', ']', '`', '#'])
}

fn discord(text: &str) -> String {
    escape(text, &['\\', '*', '_', '~', '`', '|', '>', '[', ']', '<', '@', '#'])
}

fn escape(text: &str, signs: &[char]) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if signs.contains(&c) {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, message};
    use super::*;

    fn made(kind: ChannelKind) -> Value {
        let facts = Facts {
            pipeline: Some("etl".into()),
            message: Some("<!channel> @everyone [x](http://evil) *b*".into()),
            ..Facts::default()
        };
        let told = message(NoticeKind::Failed, facts, None);
        let body =
            body_of(kind, "https://ntfy.example.org/mine", &told, Some("https://rigi/runs/1"), "ntc_1");
        body.unwrap().json
    }

    #[test]
    fn what_comes_from_people_mentions_nobody() {
        let slack = made(ChannelKind::Slack);
        assert_eq!(
            slack["text"],
            "*etl failed*\n&lt;!channel&gt; @everyone [x](http://evil) *b*\n<https://rigi/runs/1|Open>"
        );
        let discord = made(ChannelKind::Discord);
        assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
        assert!(discord["content"].as_str().unwrap().contains("\\@everyone \\[x\\](http://evil)"));
        let teams = made(ChannelKind::Teams);
        assert_eq!(teams["attachments"][0]["content"]["body"][0]["text"], "etl failed");
        assert_eq!(teams["attachments"][0]["content"]["actions"][0]["url"], "https://rigi/runs/1");
        let ntfy = made(ChannelKind::Ntfy);
        assert_eq!((&ntfy["topic"], &ntfy["priority"]), (&json!("mine"), &json!(4)));
        let signed = made(ChannelKind::Webhook);
        assert_eq!((&signed["type"], &signed["data"]["pipeline"]), (&json!("rigi.failed"), &json!("etl")));
    }
}
