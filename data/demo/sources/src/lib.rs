//! How JESSY moves through a problem: axes, searches, layers and rhythms as small, plain data types.

pub mod consciousness;
pub mod navigation;

use consciousness::layers::Reading;
use navigation::axis::Axis;

/// What JESSY says at the end of a search: the way in, and how sure she is.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The axis along which the problem changed.
    pub axis: Axis,
    /// Between 0.0 (a guess) and 1.0 (measured twice).
    pub confidence: f32,
}

impl Finding {
    /// Returns a sentence for the person, shorter when they are tired.
    ///
    /// A long explanation at the wrong moment is noise, so the reading decides about the length.
    pub fn sentence(&self, reading: &Reading) -> String {
        let short = format!("Look at the {} axis.", self.axis.name());
        if reading.wants_short() {
            return short;
        }
        format!("{short} I am {:.0} % sure.", self.confidence * 100.0)
    }
}
