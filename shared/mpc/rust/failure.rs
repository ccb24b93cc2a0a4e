//! What a failed call says: one code and the participants it can blame. Never a text.

use alloc::vec::Vec;
use frost_core::{Ciphersuite, Error, Field, Group, Identifier};

pub type Outcome<T> = Result<T, Failure>;

#[derive(Clone)]
pub struct Failure {
    pub code: u8,
    pub culprits: Vec<u16>,
}

impl Failure {
    /// The caller's own mistake: arguments that no honest participant would have passed.
    pub const INVALID_INPUT: Failure = Failure { code: 1, culprits: Vec::new() };
    /// The parts do not add up to a valid signature, and nobody in particular is to blame.
    pub const INVALID_SIGNATURE: Failure = Failure { code: 4, culprits: Vec::new() };

    pub fn invalid_input(culprits: Vec<u16>) -> Self {
        Failure { code: 1, culprits }
    }

    /// A package or commitment of these participants is malformed or was made dishonestly.
    pub fn bad_package(culprits: Vec<u16>) -> Self {
        Failure { code: 2, culprits }
    }

    /// The partial signatures of these participants are wrong.
    pub fn bad_partial(culprits: Vec<u16>) -> Self {
        Failure { code: 3, culprits }
    }
}

impl<C: Ciphersuite> From<Error<C>> for Failure {
    fn from(error: Error<C>) -> Self {
        let culprits = error.culprits().iter().filter_map(index_of).collect();
        match error {
            Error::InvalidSignatureShare { .. } => Failure::bad_partial(culprits),
            Error::InvalidProofOfKnowledge { .. } | Error::InvalidSecretShare { .. } => Failure::bad_package(culprits),
            Error::InvalidSignature => Failure::INVALID_SIGNATURE,
            _ => Failure::INVALID_INPUT,
        }
    }
}

/// The u16 that an identifier was made from, if it was.
pub fn index_of<C: Ciphersuite>(id: &Identifier<C>) -> Option<u16> {
    let scalar = <<C::Group as Group>::Field as Field>::little_endian_serialize(&id.to_scalar());
    match scalar.as_ref() {
        [low, high, rest @ ..] if rest.iter().all(|byte| *byte == 0) => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}
