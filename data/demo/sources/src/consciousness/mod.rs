//! How attention is spent: layers of a message, rhythms that meet, material that crystallizes.

pub mod crystal;
pub mod frequency;
pub mod layers;
