//! Query parameters of list operations: `page[size]`, `page[number]`, `sort`, and `filter[field][op]`.
//!
//! A resource names its columns once; this file turns a query into SQL text with bound values, so that
//! nothing a client sends becomes SQL.

use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use super::problem::{InvalidParameter, Problem};

/// Items per page when the query does not say.
const DEFAULT_SIZE: i64 = 10;

/// The largest page; also what the product's own clients ask for.
const MAX_SIZE: i64 = 100;

const TEXT_OPERATORS: &[&str] = &["eq", "neq", "oeq", "contains", "ocontains"];
const ID_OPERATORS: &[&str] = &["eq", "neq", "oeq"];
const DATE_OPERATORS: &[&str] = &["eq", "lt", "lte", "gt", "gte"];

/// How a column is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Text,
    Id,
    Flag,
    /// Milliseconds in the database, RFC 3339 in the query.
    Date,
}

/// A column that lists can be filtered or sorted by; its name is the API's.
pub(super) struct Column {
    name: &'static str,
    kind: ColumnKind,
    filter: bool,
    sort: bool,
}

impl Column {
    pub(super) const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self {
            name,
            kind,
            filter: true,
            sort: true,
        }
    }

    pub(super) const fn only_filter(mut self) -> Self {
        self.sort = false;
        self
    }

    pub(super) const fn only_sort(mut self) -> Self {
        self.filter = false;
        self
    }
}

/// A query as SQL: ` AND …` conditions with their values, and the columns to order by.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selection {
    pub(super) conditions: String,
    pub(super) values: Vec<SqlValue>,
    /// `name DESC, `, or empty for the resource's own order.
    pub(super) order: String,
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) number: i64,
    pub(super) size: i64,
}

impl Page {
    pub(super) fn offset(self) -> i64 {
        (self.number - 1).saturating_mul(self.size)
    }

    /// The `meta` member of a paged list.
    pub(super) fn meta(self, total: i64) -> Value {
        json!({"page": {"number": self.number, "size": self.size, "total": total}})
    }
}

/// Reads `page[size]` (1 to 100, default 10) and `page[number]` (from 1).
///
/// # Errors
/// 400 when either is no number or out of range.
pub(super) fn page(query: &[(String, String)]) -> Result<Page, Problem> {
    let mut invalid = Vec::new();
    let mut number = |name: &str, default: i64, max: i64| {
        let text = query
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str());
        if text.is_empty() {
            return default;
        }
        let fault = match text.parse::<i64>() {
            Ok(value) if value < 1 => {
                InvalidParameter::query(name, "min", "must be at least 1").with("minimum", json!(1))
            }
            Ok(value) if value > max => {
                InvalidParameter::query(name, "max", format!("must be at most {max}"))
                    .with("maximum", json!(max))
            }
            Ok(value) => return value,
            Err(_) => InvalidParameter::query(name, "is_integer", "must be an integer"),
        };
        invalid.push(fault);
        default
    };
    let size = number("page[size]", DEFAULT_SIZE, MAX_SIZE);
    let number = number("page[number]", 1, i64::from(u32::MAX));
    if invalid.is_empty() {
        Ok(Page { number, size })
    } else {
        Err(Problem::invalid(invalid))
    }
}

/// Reads `sort` and every `filter[…]`.
///
/// # Errors
/// 400 for an unknown field, an operator that the field does not have, two operators on one field, or a
/// value of the wrong type.
pub(super) fn select(query: &[(String, String)], columns: &[Column]) -> Result<Selection, Problem> {
    let mut selection = Selection::default();
    let mut invalid = Vec::new();
    let mut filtered: Vec<&str> = Vec::new();
    for (key, value) in query {
        let outcome = match key
            .strip_prefix("filter[")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(inner) => {
                let (field, operator) = inner
                    .split_once("][")
                    .map_or((inner, None), |(field, op)| (field, Some(op)));
                if filtered.contains(&field) {
                    Err(InvalidParameter::query(
                        key,
                        "invalid",
                        "takes one operator per field",
                    ))
                } else {
                    filtered.push(field);
                    add_filter(&mut selection, columns, key, field, operator, value)
                }
            }
            None if key == "filter" => Err(InvalidParameter::query(
                key,
                "is_object",
                "must be written as filter[field][op]",
            )),
            None if key == "sort" => add_sort(&mut selection, columns, value),
            None => Ok(()),
        };
        invalid.extend(outcome.err());
    }
    if invalid.is_empty() {
        Ok(selection)
    } else {
        Err(Problem::invalid(invalid))
    }
}

fn add_sort(selection: &mut Selection, columns: &[Column], value: &str) -> Result<(), InvalidParameter> {
    let mut words = value.split_whitespace();
    let field = words.next().unwrap_or_default();
    let direction = match words.next().map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => "ASC",
        Some("desc") => "DESC",
        Some(_) => {
            return Err(InvalidParameter::query(
                "sort",
                "invalid",
                "must be a field, then asc or desc",
            ));
        }
    };
    match columns.iter().find(|column| column.sort && column.name == field) {
        Some(column) if words.next().is_none() => {
            selection.order = format!("{} {direction}, ", column.name);
            Ok(())
        }
        Some(_) => Err(InvalidParameter::query(
            "sort",
            "invalid",
            "must be one field, then asc or desc",
        )),
        None => {
            let choices: Vec<&str> = columns
                .iter()
                .filter(|column| column.sort)
                .map(|column| column.name)
                .collect();
            let reason = format!("must be one of [{}]", choices.join(", "));
            Err(InvalidParameter::query("sort", "enum", reason).with("choices", json!(choices)))
        }
    }
}

fn add_filter(
    selection: &mut Selection,
    columns: &[Column],
    key: &str,
    field: &str,
    operator: Option<&str>,
    value: &str,
) -> Result<(), InvalidParameter> {
    let Some(column) = columns
        .iter()
        .find(|column| column.filter && column.name == field)
    else {
        return Err(InvalidParameter::query(
            key,
            "unknown_property",
            "is not a field to filter by",
        ));
    };
    let operator = operator_of(column.kind, key, operator)?;
    let value = match column.kind {
        ColumnKind::Text => return add_text_filter(selection, column.name, operator, value),
        ColumnKind::Id => {
            return add_text_filter(selection, column.name, operator, &value.to_ascii_lowercase());
        }
        ColumnKind::Flag => match value {
            "true" => SqlValue::Integer(1),
            "false" => SqlValue::Integer(0),
            _ => {
                return Err(InvalidParameter::query(
                    key,
                    "is_boolean",
                    "must be true or false",
                ));
            }
        },
        ColumnKind::Date => match value.parse::<jiff::Timestamp>() {
            Ok(timestamp) => SqlValue::Integer(timestamp.as_millisecond()),
            Err(_) => {
                return Err(InvalidParameter::query(
                    key,
                    "is_date_time",
                    "must be an RFC 3339 time",
                ));
            }
        },
    };
    let sign = match operator {
        "lt" => "<",
        "lte" => "<=",
        "gt" => ">",
        "gte" => ">=",
        _ => "=",
    };
    selection
        .conditions
        .push_str(&format!(" AND {} {sign} ?", column.name));
    selection.values.push(value);
    Ok(())
}

/// The operator named in the query, when columns of this kind have it; `eq` when none is named.
fn operator_of<'a>(kind: ColumnKind, key: &str, named: Option<&'a str>) -> Result<&'a str, InvalidParameter> {
    let operators = match kind {
        ColumnKind::Text => TEXT_OPERATORS,
        ColumnKind::Id => ID_OPERATORS,
        ColumnKind::Date => DATE_OPERATORS,
        ColumnKind::Flag => &[],
    };
    match named {
        None => Ok("eq"),
        Some(name) if operators.contains(&name) => Ok(name),
        Some(_) if operators.is_empty() => Err(InvalidParameter::query(
            key,
            "is_boolean",
            "takes true or false and no operator",
        )),
        Some(_) => {
            let reason = format!("must use one of [{}]", operators.join(", "));
            Err(InvalidParameter::query(key, "enum", reason).with("choices", json!(operators)))
        }
    }
}

fn add_text_filter(
    selection: &mut Selection,
    column: &str,
    operator: &str,
    value: &str,
) -> Result<(), InvalidParameter> {
    // `IS NOT` so that an object without a value counts as different.
    let (test, values) = match operator {
        "neq" => (format!("{column} IS NOT ?"), vec![value]),
        "contains" => (format!("instr({column}, ?) > 0"), vec![value]),
        "oeq" => (format!("{column} = ?"), value.split(',').collect()),
        "ocontains" => (format!("instr({column}, ?) > 0"), value.split(',').collect()),
        _ => (format!("{column} = ?"), vec![value]),
    };
    // SQLite's own bound on the values of one statement is 32,766, on the depth of one expression 1,000.
    if values.len() > 200 {
        let reason = "must not list more than 200 values";
        return Err(InvalidParameter::query(column, "max_items", reason).with("maximum", json!(200)));
    }
    let tests = vec![test; values.len()].join(" OR ");
    selection.conditions.push_str(&format!(" AND ({tests})"));
    selection
        .values
        .extend(values.into_iter().map(|value| SqlValue::Text(value.to_owned())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("name", ColumnKind::Text),
        Column::new("open", ColumnKind::Flag),
        Column::new("id", ColumnKind::Id).only_filter(),
        Column::new("created_at", ColumnKind::Date),
    ];

    fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_page_has_defaults_and_bounds() {
        assert_eq!(page(&query(&[])).unwrap(), Page { number: 1, size: 10 });
        let asked = query(&[("page[size]", "100"), ("page[number]", "3")]);
        let asked = page(&asked).unwrap();
        assert_eq!((asked.offset(), asked.size), (200, 100));
        for (key, value) in [
            ("page[size]", "0"),
            ("page[size]", "101"),
            ("page[number]", "-1"),
            ("page[number]", "x"),
        ] {
            assert_eq!(
                page(&query(&[(key, value)])).unwrap_err().invalid.len(),
                1,
                "{key}={value}"
            );
        }
    }

    #[test]
    fn a_query_becomes_sql_with_bound_values() {
        let selection = select(
            &query(&[
                ("sort", "name desc"),
                ("filter[name][oeq]", "a,b"),
                ("filter[open]", "true"),
            ]),
            COLUMNS,
        )
        .unwrap();
        assert_eq!(selection.conditions, " AND (name = ? OR name = ?) AND open = ?");
        assert_eq!(selection.order, "name DESC, ");
        assert_eq!(selection.values.len(), 3);
    }

    #[test]
    fn wrong_filters_and_sorts_are_refused() {
        for (key, value) in [
            ("sort", "id"),
            ("sort", "name sideways"),
            ("sort", "name desc, open"),
            ("filter", "x"),
            ("filter[other]", "x"),
            ("filter[name][like]", "x"),
            ("filter[id][contains]", "x"),
            ("filter[open]", "1"),
            ("filter[open][eq]", "true"),
            ("filter[created_at][gt]", "yesterday"),
        ] {
            assert!(select(&query(&[(key, value)]), COLUMNS).is_err(), "{key}={value}");
        }
        let twice = query(&[("filter[name][eq]", "a"), ("filter[name][neq]", "b")]);
        assert!(select(&twice, COLUMNS).is_err());
    }
}
