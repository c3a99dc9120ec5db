//! Words to an expression, within bounds of depth.

use serde_json::Value;

use super::ast::{Expression, Name, Operator, RunFact};
use super::functions::Function;
use super::lexer::{Token, tokens};
use super::{Fault, MAX_DEPTH};
use enact_core::yaml::suggest;

const ROOTS: [&str; 6] = ["params", "secrets", "steps", "run", "plan", "item"];

/// Reads an expression, written without `${{ }}`.
///
/// # Errors
/// The first thing in it that cannot be understood.
pub fn parse(text: &str) -> Result<Expression, Fault> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        end: text.chars().count(),
        tokens,
        next: 0,
        depth: 0,
    };
    if parser.tokens.is_empty() {
        return Err(Fault::new(0, "an expression is missing here"));
    }
    let expression = parser.expression(1)?;
    match parser.tokens.get(parser.next) {
        None => Ok(expression),
        Some((token, at)) => Err(Fault::new(
            *at,
            format!("{} does not belong here", describe(token)),
        )),
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    next: usize,
    depth: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(_, at)| *at)
    }

    fn accept(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Mark(found)) if *found == mark);
        if found {
            self.next += 1;
        }
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), Fault> {
        if self.accept(mark) {
            return Ok(());
        }
        Err(Fault::new(
            self.at(),
            format!("expected `{mark}` here, found {}", self.found()),
        ))
    }

    fn found(&self) -> String {
        self.peek().map_or_else(|| "the end".to_owned(), describe)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= MAX_DEPTH {
            let fault = format!("an expression nests at most {MAX_DEPTH} levels");
            return Err(Fault::new(self.at(), fault));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn operator(&self) -> Option<Operator> {
        match self.peek()? {
            Token::Word(word) if word == "in" => Some(Operator::In),
            Token::Word(_) | Token::Value(_) => None,
            Token::Mark(mark) => match *mark {
                "||" => Some(Operator::Or),
                "&&" => Some(Operator::And),
                "==" => Some(Operator::Equal),
                "!=" => Some(Operator::NotEqual),
                "<" => Some(Operator::Less),
                "<=" => Some(Operator::LessOrEqual),
                ">" => Some(Operator::Greater),
                ">=" => Some(Operator::GreaterOrEqual),
                _ => None,
            },
        }
    }

    fn expression(&mut self, least: u8) -> Result<Expression, Fault> {
        let mut left = self.deeper(Self::unary)?;
        let mut chained = 0;
        while let Some(operator) = self.operator().filter(|operator| operator.binding() >= least) {
            let at = self.at();
            self.next += 1;
            let binding = operator.binding();
            let right = self.deeper(|parser| parser.expression(binding + 1))?;
            chained += 1;
            if chained > MAX_DEPTH {
                return Err(Fault::new(
                    at,
                    format!("at most {MAX_DEPTH} operators stand in a row"),
                ));
            }
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
            if binding == 3 && self.operator().is_some_and(|next| next.binding() == 3) {
                return Err(Fault::new(
                    self.at(),
                    "comparisons cannot be chained; join them with `&&`",
                ));
            }
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        if self.accept("!") {
            let inner = self.deeper(Self::unary)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.accept("(") {
            let inner = self.expression(1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.accept("[") {
            let parts = self.list("]")?;
            return Ok(list(parts));
        }
        let at = self.at();
        let token = self.peek().cloned();
        match token {
            Some(Token::Value(value)) => {
                self.next += 1;
                Ok(Expression::Literal(value))
            }
            Some(Token::Word(word)) => {
                self.next += 1;
                self.word(&word, at)
            }
            Some(Token::Mark(_)) | None => Err(Fault::new(
                at,
                format!("expected a value here, found {}", self.found()),
            )),
        }
    }

    fn list(&mut self, close: &str) -> Result<Vec<Expression>, Fault> {
        let mut parts = Vec::new();
        if self.accept(close) {
            return Ok(parts);
        }
        loop {
            parts.push(self.expression(1)?);
            if self.accept(close) {
                return Ok(parts);
            }
            self.expect(",")?;
        }
    }

    fn word(&mut self, word: &str, at: usize) -> Result<Expression, Fault> {
        match word {
            "true" => return Ok(Expression::Literal(Value::Bool(true))),
            "false" => return Ok(Expression::Literal(Value::Bool(false))),
            "null" => return Ok(Expression::Literal(Value::Null)),
            _ => {}
        }
        if self.accept("(") {
            let Some(function) = Function::named(word) else {
                let hint = suggest::hint(word, Function::names());
                return Err(Fault::new(at, format!("there is no function `{word}`")).hint(hint));
            };
            let parts = self.list(")")?;
            function
                .check_count(parts.len())
                .map_err(|fault| Fault::new(at, fault))?;
            return Ok(Expression::Call(function, parts));
        }
        let mut segments = vec![word.to_owned()];
        while self.accept(".") {
            match self.peek() {
                Some(Token::Word(next)) => segments.push(next.clone()),
                _ => {
                    let fault = format!("expected a name after `.`, found {}", self.found());
                    return Err(Fault::new(self.at(), fault));
                }
            }
            self.next += 1;
        }
        name(&segments, at).map(|name| Expression::Name(name, at))
    }
}

/// A list; one of literals only is a literal itself.
pub(super) fn list(parts: Vec<Expression>) -> Expression {
    match parts
        .iter()
        .map(|part| part.as_literal().cloned())
        .collect::<Option<Vec<_>>>()
    {
        Some(values) => Expression::Literal(Value::Array(values)),
        None => Expression::List(parts),
    }
}

fn name(segments: &[String], at: usize) -> Result<Name, Fault> {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["params" | "secrets", rest @ ..] if !rest.is_empty() => Ok(Name::Parameter(rest.join("."))),
        ["steps", step @ .., "outputs", output] if !step.is_empty() => Ok(Name::Output {
            step: step.join("."),
            output: (*output).to_owned(),
        }),
        ["steps", step @ .., "state"] if !step.is_empty() => Ok(Name::State(step.join("."))),
        ["run", fact] => match RunFact::ALL.into_iter().find(|(word, _)| word == fact) {
            Some((_, fact)) => Ok(Name::Run(fact)),
            None => {
                let known = RunFact::ALL.into_iter().map(|(word, _)| word);
                Err(Fault::new(at, format!("a run has no `{fact}`")).hint(suggest::hint(fact, known)))
            }
        },
        ["plan", "hash"] => Ok(Name::PlanHash),
        ["plan", "name"] => Ok(Name::PlanName),
        ["item"] => Ok(Name::Item),
        ["steps", ..] => Err(Fault::new(at, "a step has `outputs.NAME` and `state`")
            .hint("write `steps.ID.outputs.NAME` or `steps.ID.state`")),
        ["plan", ..] => Err(Fault::new(at, "a plan has `hash` and `name`")),
        [root, ..] => Err(
            Fault::new(at, format!("there is nothing named `{}`", words.join(".")))
                .hint(suggest::hint(root, ROOTS)),
        ),
        [] => Err(Fault::new(at, "a name is missing here")),
    }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Value(value) => format!("`{value}`"),
        Token::Mark(mark) => format!("`{mark}`"),
    }
}
