//! Dimensional navigation: hold every axis still except one, walk along it, watch the problem.

/// A direction along which the same problem can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    Time,
    Data,
    Load,
    CodeLayer,
    People,
}

impl Axis {
    /// The order in which the axes are tried: the cheapest experiment first.
    pub const ALL: [Axis; 5] = [
        Axis::Data,
        Axis::Time,
        Axis::Load,
        Axis::CodeLayer,
        Axis::People,
    ];

    /// Returns the name as a person would say it.
    pub fn name(self) -> &'static str {
        match self {
            Axis::Time => "time",
            Axis::Data => "data",
            Axis::Load => "load",
            Axis::CodeLayer => "code layer",
            Axis::People => "people",
        }
    }
}

/// Returns the first axis along which `severity` changes by more than `tolerance`.
///
/// `severity` measures the problem at a position (0.0 to 1.0) on one axis while the others rest at 0.5. Only the two
/// ends are measured: an axis that matters shows it there, and each measurement may cost minutes.
pub fn way_in<F>(tolerance: f64, mut severity: F) -> Option<Axis>
where
    F: FnMut(Axis, f64) -> f64,
{
    Axis::ALL
        .into_iter()
        .find(|&axis| (severity(axis, 1.0) - severity(axis, 0.0)).abs() > tolerance)
}

/// Halves `items` until one is left for which `breaks` holds, and returns its index.
///
/// Assumes a single culprit. Needs about log2(n) experiments, which is why it is the first tool for the data axis.
pub fn bisect<T>(items: &[T], breaks: impl Fn(&[T]) -> bool) -> Option<usize> {
    if items.is_empty() || !breaks(items) {
        return None;
    }
    let (mut low, mut high) = (0, items.len());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if breaks(&items[low..middle]) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_axis_that_moves() {
        let found = way_in(
            0.1,
            |axis, position| if axis == Axis::Load { position } else { 0.4 },
        );
        assert_eq!(found, Some(Axis::Load));
    }

    #[test]
    fn bisects_to_the_only_culprit() {
        let rows = [1, 2, 3, -4, 5];
        assert_eq!(
            bisect(&rows, |part| part.iter().any(|row| *row < 0)),
            Some(3)
        );
        assert_eq!(
            bisect(&[1, 2], |part| part.iter().any(|row| *row < 0)),
            None
        );
    }
}
