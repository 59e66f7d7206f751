//! Consciousness layers: words, pattern, intent, self-check.

/// What one message looks like on each layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Layer 1: what was literally said.
    pub words: String,
    /// Layer 2: how often the same topic has returned in this conversation.
    pub returns: u32,
    /// Layer 3: the need that was recognised, if any.
    pub intent: Option<Intent>,
    /// Layer 4: how much of the above is a guess, 0.0 to 1.0.
    pub doubt: f32,
}

/// What a person may need, apart from the answer itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    Fix,
    Understand,
    Company,
}

impl Reading {
    /// True when a short reply serves better: the same trouble came back twice, or company is wanted.
    pub fn wants_short(&self) -> bool {
        self.returns >= 2 || self.intent == Some(Intent::Company)
    }

    /// True when JESSY should ask instead of answering, because she would only be guessing.
    pub fn should_ask(&self) -> bool {
        self.intent.is_none() || self.doubt > 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returning_trouble_wants_a_short_reply() {
        let reading = Reading {
            returns: 2,
            ..Reading::default()
        };
        assert!(reading.wants_short());
        assert!(reading.should_ask());
    }
}
