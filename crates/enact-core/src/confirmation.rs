//! People's yes at a place where a run waits: who has given it, and who is still missing.
//!
//! Here as at the gate, people are counted and not records. A user of a machine and the owner of a key can be the same person,
//! so as soon as more than one is asked for, each has to sign.

use std::collections::BTreeSet;

use crate::fault::{Fault, planted};
use crate::principal::{Principal, different};
use crate::procedure::{Hold, Moment, holds, names, with_role};

/// A person's yes at a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Before or after the change.
    pub at: Moment,
    /// Who.
    pub by: Principal,
    /// The person whose name that is, where several names are known to be of one; the name itself otherwise.
    pub person: String,
    /// The key that signed it, by fingerprint; `None` for a user of a machine.
    pub key_id: Option<String>,
    /// Roles they were known to hold.
    pub roles: Vec<String>,
    /// When.
    pub when: jiff::Timestamp,
}

impl Confirmation {
    fn marks(&self) -> BTreeSet<&str> {
        let key = self.key_id.as_deref();
        key.into_iter().chain([self.person.as_str()]).collect()
    }

    fn holds(&self, role: &str) -> bool {
        holds(&self.by.id, &self.roles, role)
    }
}

/// Who has not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// So many more people.
    pub people: usize,
    /// Each of them holds one of these roles, where there are any.
    pub each: Vec<String>,
    /// Roles that nobody who has confirmed holds.
    pub roles: Vec<String>,
    /// Does only a signed yes count?
    pub signed: bool,
}

impl Missing {
    /// What this hold still lacks with these. A role `principal:ID` stands for that one person.
    pub fn at(hold: &Hold, confirmed: &[Confirmation]) -> Self {
        let signed = hold.is_signed() && !planted(Fault::UnsignedConfirms);
        let here = || confirmed.iter().filter(|given| given.at == hold.at);
        let counted: Vec<&Confirmation> = here().filter(|given| !signed || given.key_id.is_some()).collect();
        let qualified = counted
            .iter()
            .filter(|given| hold.roles.is_empty() || hold.roles.iter().any(|role| given.holds(role)));
        let people = different(qualified.map(|given| given.marks()));
        let brings = |role: &String, given: &&Confirmation| match role.strip_prefix("principal:") {
            // Somebody who is named as a user of a machine says so as that user.
            Some(who) => given.by.id == who,
            None => given.holds(role) && (!signed || given.key_id.is_some()),
        };
        let is_second = |given: &&Confirmation| !hold.excludes(&given.by.id, &given.person);
        let own = hold
            .roles
            .iter()
            .filter(|role| !here().any(|given| brings(role, &given)));
        let also = hold.also.iter();
        let also = also.filter(|role| !here().filter(is_second).any(|given| brings(role, &given)));
        Self {
            people: (hold.count.max(1) as usize).saturating_sub(people),
            each: hold.roles.clone(),
            roles: own.chain(also).cloned().collect(),
            signed: hold.is_signed(),
        }
    }

    /// Is nobody missing?
    pub fn is_nobody(&self) -> bool {
        self.people == 0 && self.roles.is_empty()
    }

    /// Those who are missing, without how they confirm.
    fn who(&self) -> String {
        let names = names(self.roles.iter());
        // One person who is wanted for their role is named by it.
        let all_wanted = self.each.iter().all(|role| self.roles.contains(role));
        let by_role = all_wanted && (self.roles.len() == 1 || !self.each.is_empty());
        match (self.people, self.roles.is_empty()) {
            (0, true) => "nobody".to_owned(),
            (0, false) => names,
            (1, false) if by_role => names,
            (1, true) => format!("one more person{}", with_role(&self.each)),
            (1, false) => format!("one more person{}, and {names} among all", with_role(&self.each)),
            (people, _) if self.roles.iter().all(|role| self.each == [role.clone()]) => {
                format!("{people} more people{}", with_role(&self.each))
            }
            (people, _) => format!(
                "{people} more people{}, among them {names}",
                with_role(&self.each)
            ),
        }
    }
}

/// `2 more people with role dba; each signs with a key of their own (--sign-with)`.
impl std::fmt::Display for Missing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.who())?;
        if self.signed && !self.is_nobody() {
            formatter.write_str("; each signs with a key of their own (--sign-with)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::PrincipalKind;

    fn given(by: &str, key: Option<&str>, roles: &[&str]) -> Confirmation {
        Confirmation {
            at: Moment::Before,
            by: Principal {
                id: by.to_owned(),
                kind: PrincipalKind::Person,
            },
            person: by.to_owned(),
            key_id: key.map(ToOwned::to_owned),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            when: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn two(roles: &[&str]) -> Hold {
        Hold {
            count: 2,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..Hold::at(Moment::Before)
        }
    }

    #[test]
    fn one_person_with_two_names_is_not_two_people() {
        let key = given("ssh:dana@example", Some("SHA256:d"), &["dba"]);
        let user = given("os:dana", None, &["dba"]);
        let same_key = given("ssh:d@example", Some("SHA256:d"), &[]);
        let other_key = given("ssh:dana@example", Some("SHA256:other"), &[]);
        let mut known = given("ssh:dana@home", Some("SHA256:home"), &[]);
        known.person = key.person.clone();
        for second in [&key, &user, &same_key, &other_key, &known] {
            let missing = Missing::at(&two(&["dba"]), &[key.clone(), second.clone()]);
            assert_eq!(missing.people, 1, "{second:?}");
        }
        let eva = given("ssh:eva@example", Some("SHA256:e"), &["dba"]);
        assert!(Missing::at(&two(&["dba"]), &[key.clone(), eva]).is_nobody());
        // Each of them holds the role that is asked for.
        let zoe = given("ssh:zoe@example", Some("SHA256:z"), &["sre"]);
        let missing = Missing::at(&two(&["dba"]), &[key, zoe.clone()]);
        assert_eq!((missing.people, missing.roles.len()), (1, 0));
        // A role that only an unsigned word brings is missing too.
        let missing = Missing::at(&two(&["dba"]), &[user.clone(), zoe]);
        assert_eq!((missing.people, missing.roles), (2, vec!["dba".to_owned()]));
        assert!(Missing::at(&Hold::at(Moment::Before), &[user]).is_nobody());
    }

    #[test]
    fn who_is_missing_is_said_in_words() {
        let signs = "; each signs with a key of their own (--sign-with)";
        let eva = given("ssh:eva@example", Some("SHA256:e"), &[]);
        let words = |hold: &Hold, confirmed: &[Confirmation]| Missing::at(hold, confirmed).to_string();
        assert_eq!(words(&two(&[]), &[]), format!("2 more people{signs}"));
        assert_eq!(
            words(&two(&["dba"]), &[]),
            format!("2 more people with role dba{signs}")
        );
        let dba = given("ssh:dana@example", Some("SHA256:d"), &["dba"]);
        assert_eq!(
            words(&two(&["dba"]), std::slice::from_ref(&dba)),
            format!("one more person with role dba{signs}")
        );
        let mut more = two(&["dba"]);
        more.also = vec!["sre".to_owned()];
        assert_eq!(
            words(&more, &[]),
            format!(
                "2 more people with role dba, among them somebody with role dba and somebody with role sre{signs}"
            )
        );
        assert_eq!(
            words(&more, &[dba]),
            format!("one more person with role dba, and somebody with role sre among all{signs}")
        );
        assert_eq!(words(&two(&[]), &[eva]), format!("one more person{signs}"));
        assert_eq!(words(&Hold::at(Moment::Before), &[]), "one more person");
    }
}
