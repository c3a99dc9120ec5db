//! "Did you mean": the nearest known word to one that is not known.

/// The nearest candidate, when one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A typo rarely touches more than a third of a word; comparing overlong words would be slow for nothing.
    // One or two letters resemble too much to suggest anything.
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let most = (length / 3).min(4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 2 * most)
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The hint for an unknown word: the near miss if there is one, else the short list of what is known, if anything is.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(word, candidates.clone()) {
        return format!("did you mean `{near}`?");
    }
    let known: Vec<String> = candidates
        .into_iter()
        .map(|candidate| format!("`{candidate}`"))
        .collect();
    if known.is_empty() {
        return "none is known here".to_owned();
    }
    format!("known here: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swapped_letter_is_recognised() {
        assert_eq!(nearest("lables", ["name", "labels"]), Some("labels"));
        assert_eq!(nearest("portls", ["portals"]), Some("portals"));
    }

    #[test]
    fn a_far_word_suggests_nothing() {
        assert_eq!(nearest("zebra", ["name", "labels"]), None);
        assert_eq!(hint("zebra", ["name", "labels"]), "known here: `name`, `labels`");
        assert_eq!(hint("zebra", []), "none is known here");
    }
}
