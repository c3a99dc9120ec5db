//! What a task is.

use crate::json::Json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Todo,
    Doing,
    Done,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Done => "done",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Todo, Self::Doing, Self::Done]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What a caller says about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    pub title: String,
    pub description: String,
    pub status: Status,
    /// `2026-11-30`.
    pub due_date: Option<String>,
}

impl NewTask {
    /// Takes a task from a request's body; the fault names the field.
    pub fn from_json(body: &Json) -> Result<Self, String> {
        let text = |name: &str| match body.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("{name} must be a text")),
        };
        let title = text("title")?.unwrap_or_default();
        if title.trim().is_empty() || title.chars().count() > 200 {
            return Err("title must have 1 to 200 characters".into());
        }
        let status = text("status")?.unwrap_or_else(|| "todo".into());
        let status = Status::from_text(&status).ok_or("status must be todo, doing or done")?;
        let due_date = text("due_date")?;
        if due_date.as_deref().is_some_and(|date| !is_date(date)) {
            return Err("due_date must be a date like 2026-11-30".into());
        }
        Ok(Self {
            title,
            description: text("description")?.unwrap_or_default(),
            status,
            due_date,
        })
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    if (year.len(), month.len(), day.len()) != (4, 2, 2)
        || !text.bytes().all(|b| b == b'-' || b.is_ascii_digit())
    {
        return false;
    }
    let number = |part: &str| part.parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(year), number(month), number(day));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub id: u64,
    pub title: String,
    pub description: String,
    pub status: Status,
    pub due_date: Option<String>,
    /// `2026-11-20T18:00:00Z`.
    pub created_at: String,
}

impl Task {
    pub fn to_json(&self) -> Json {
        Json::Object(vec![
            ("id".into(), Json::Number(self.id as f64)),
            ("title".into(), Json::text(&self.title)),
            ("description".into(), Json::text(&self.description)),
            ("status".into(), Json::text(self.status.as_str())),
            (
                "due_date".into(),
                self.due_date.as_ref().map_or(Json::Null, Json::text),
            ),
            ("created_at".into(), Json::text(&self.created_at)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn a_wrong_field_is_named() {
        for (body, field) in [
            (r#"{}"#, "title"),
            (r#"{"title": 1}"#, "title"),
            (r#"{"title": "x", "status": "later"}"#, "status"),
            (r#"{"title": "x", "due_date": "2026-02-29"}"#, "due_date"),
        ] {
            let fault = NewTask::from_json(&parse(body).unwrap()).unwrap_err();
            assert!(fault.starts_with(field), "{body}: {fault}");
        }
        assert!(NewTask::from_json(&parse(r#"{"title": "x", "due_date": "2028-02-29"}"#).unwrap()).is_ok());
    }
}
