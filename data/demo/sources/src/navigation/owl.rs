//! The owl pattern: scan wide, pick up the faintest unusual signal, drop what stays silent, dive.

/// A place that can be listened to, such as a log or a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub name: String,
    /// How unusual it sounds, 0.0 is silent.
    pub signal: f64,
}

/// The result of a search: where to dive, and what was dropped on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Flight {
    pub target: Place,
    pub dropped: Vec<Place>,
}

impl Flight {
    /// Returns the path in one sentence, so that the next search starts ahead.
    pub fn path(&self) -> String {
        format!(
            "Dropped {} silent places, dived into {}.",
            self.dropped.len(),
            self.target.name
        )
    }
}

/// Chooses the place that sounds most unusual; places at or below `silence` are dropped.
///
/// Returns `None` when the whole forest is silent: then the scan was too narrow and should be widened.
pub fn hunt(places: Vec<Place>, silence: f64) -> Option<Flight> {
    let (loud, mut dropped): (Vec<_>, Vec<_>) =
        places.into_iter().partition(|place| place.signal > silence);
    let mut ranked = loud;
    ranked.sort_by(|a, b| b.signal.total_cmp(&a.signal));
    let mut ranked = ranked.into_iter();
    let target = ranked.next()?;
    dropped.extend(ranked);
    Some(Flight { target, dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, signal: f64) -> Place {
        Place {
            name: name.into(),
            signal,
        }
    }

    #[test]
    fn dives_into_the_most_unusual_place() {
        let flight = hunt(
            vec![
                place("metrics", 0.0),
                place("auth log", 0.7),
                place("cron", 0.2),
            ],
            0.1,
        )
        .unwrap();
        assert_eq!(flight.target.name, "auth log");
        assert_eq!(
            flight.path(),
            "Dropped 2 silent places, dived into auth log."
        );
    }

    #[test]
    fn a_silent_forest_has_no_target() {
        assert_eq!(hunt(vec![place("metrics", 0.0)], 0.1), None);
    }
}
