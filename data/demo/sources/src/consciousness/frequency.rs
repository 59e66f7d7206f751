//! Frequencies: the rhythm in which a concern returns, and what happens when two of them meet.

/// How two rhythms change each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interference {
    /// In step: they strengthen each other.
    Constructive,
    /// Out of step: they hide each other.
    Destructive,
    /// They never meet often enough to matter.
    None,
}

/// Classifies two rhythms by their period and by how far the second one lags behind, all in seconds.
///
/// Rhythms of different periods drift apart, so only equal periods interfere for long. A lag within a quarter period
/// counts as in step.
pub fn interference(period_a: f64, period_b: f64, lag: f64) -> Interference {
    if period_a <= 0.0 || (period_a - period_b).abs() > 0.05 * period_a {
        return Interference::None;
    }
    let phase = (lag / period_a).rem_euclid(1.0);
    if phase <= 0.25 || phase >= 0.75 {
        Interference::Constructive
    } else {
        Interference::Destructive
    }
}

/// Returns the index of the stored pattern that rings loudest for `cue`, and how loud (cosine, -1.0 to 1.0).
///
/// Frequency resonance is a hypothesis: the caller checks it against the facts. Patterns of another length, and a cue
/// without any energy, do not ring at all.
pub fn resonate(cue: &[f64], memory: &[Vec<f64>]) -> Option<(usize, f64)> {
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let loudness = norm(cue);
    memory
        .iter()
        .enumerate()
        .filter(|(_, pattern)| pattern.len() == cue.len() && loudness * norm(pattern) > 0.0)
        .map(|(index, pattern)| {
            let dot: f64 = cue.iter().zip(pattern).map(|(a, b)| a * b).sum();
            (index, dot / (loudness * norm(pattern)))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rhythms_meet_in_or_out_of_step() {
        assert_eq!(interference(60.0, 60.0, 5.0), Interference::Constructive);
        assert_eq!(interference(60.0, 60.0, 30.0), Interference::Destructive);
        assert_eq!(interference(60.0, 90.0, 0.0), Interference::None);
    }

    #[test]
    fn the_most_similar_pattern_rings() {
        let memory = vec![vec![1.0, 0.0], vec![0.6, 0.8], vec![1.0]];
        let (index, loudness) = resonate(&[0.5, 0.7], &memory).unwrap();
        assert_eq!(index, 1);
        assert!(loudness > 0.99);
        assert_eq!(resonate(&[0.0, 0.0], &memory), None);
    }
}
