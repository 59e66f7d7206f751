//! Crystallization: loose notes settle into the smallest form from which nothing can be taken away.

use std::collections::BTreeSet;

/// A rule and the observations that it explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub sentence: String,
    pub explains: BTreeSet<u32>,
}

/// Removes rules until taking away one more would leave an observation unexplained.
///
/// Rules that explain little go first. The result is minimal (nothing more can go), though another minimal set may be
/// smaller still; finding the smallest is set cover, which is NP-hard.
pub fn crystallize(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by_key(|rule| rule.explains.len());
    let all: BTreeSet<u32> = rules
        .iter()
        .flat_map(|rule| &rule.explains)
        .copied()
        .collect();
    let mut index = 0;
    while index < rules.len() {
        let rest: BTreeSet<u32> = rules
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, rule)| &rule.explains)
            .copied()
            .collect();
        if rest == all {
            rules.remove(index);
        } else {
            index += 1;
        }
    }
    rules
}

/// True when there is enough material: each rule rests on at least `support` observations.
///
/// A rule made from a single observation is the brittle crystal: pretty, and broken by the second case.
pub fn is_ripe(rules: &[Rule], support: usize) -> bool {
    !rules.is_empty() && rules.iter().all(|rule| rule.explains.len() >= support)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(sentence: &str, explains: &[u32]) -> Rule {
        Rule {
            sentence: sentence.into(),
            explains: explains.iter().copied().collect(),
        }
    }

    #[test]
    fn drops_what_others_explain_already() {
        let kept = crystallize(vec![
            rule("wide", &[1, 2, 3]),
            rule("narrow", &[2]),
            rule("other", &[4]),
        ]);
        let sentences: Vec<_> = kept.iter().map(|rule| rule.sentence.as_str()).collect();
        assert_eq!(sentences, ["other", "wide"]);
    }

    #[test]
    fn one_observation_is_not_enough() {
        assert!(!is_ripe(&[rule("brittle", &[1])], 2));
        assert!(is_ripe(&[rule("ripe", &[1, 2])], 2));
    }
}
