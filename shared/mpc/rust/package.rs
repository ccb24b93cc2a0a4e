//! Reading the crates' serialisations strictly: the one canonical form, to the last byte, and whom to blame if it is not.
//!
//! Shares, nonces, commitments and public keys are read field by field, because most calls need a few of their points
//! only and a point costs a square root, or in Ed25519 a multiplication. What is written is written by the crates.

use crate::failure::{index_of, Failure, Outcome};
use crate::suite::Suite;
use crate::wire::Map;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use frost_core::keys::dkg::{round1, round2};
use frost_core::keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare};
use frost_core::round1::{NonceCommitment, SigningCommitments, SigningNonces};
use frost_core::{Element, Group, Identifier, VerifyingKey};

const SCALAR: usize = 32;

/// Fields from the left, each of a known length or the call fails.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Outcome<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Failure::INVALID_INPUT)?;
        self.0 = tail;
        Ok(head)
    }

    fn header<S: Suite>(&mut self) -> Outcome<()> {
        if self.take(5)? == S::HEADER { Ok(()) } else { Err(Failure::INVALID_INPUT) }
    }

    /// A postcard varint in its shortest form.
    fn varint(&mut self) -> Outcome<u16> {
        let mut value = 0u32;
        for shift in [0, 7, 14] {
            let byte = self.take(1)?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let shortest = byte != 0 || shift == 0;
                return u16::try_from(value).ok().filter(|_| shortest).ok_or(Failure::INVALID_INPUT);
            }
        }
        Err(Failure::INVALID_INPUT)
    }

    fn end(&self) -> Outcome<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Failure::INVALID_INPUT) }
    }
}

pub fn identifier<S: Suite>(index: u16) -> Outcome<Identifier<S>> {
    Ok(Identifier::try_from(index)?)
}

fn index<S: Suite>(bytes: &[u8]) -> Outcome<u16> {
    index_of(&Identifier::<S>::deserialize(bytes)?).ok_or(Failure::INVALID_INPUT)
}

/// A `KeyPackage`, unread.
pub struct Share<'a> {
    pub index: u16,
    pub threshold: u16,
    secret: &'a [u8],
    verifying_share: &'a [u8],
    pub verifying_key: &'a [u8],
}

impl<'a> Share<'a> {
    pub fn read<S: Suite>(bytes: &'a [u8]) -> Outcome<Self> {
        let mut fields = Fields(bytes);
        fields.header::<S>()?;
        let share = Share {
            index: index::<S>(fields.take(SCALAR)?)?,
            secret: fields.take(SCALAR)?,
            verifying_share: fields.take(S::POINT)?,
            verifying_key: fields.take(S::POINT)?,
            threshold: fields.varint()?,
        };
        fields.end()?;
        Ok(share)
    }

    pub fn secret<S: Suite>(&self) -> Outcome<SigningShare<S>> {
        Ok(SigningShare::deserialize(self.secret)?)
    }

    pub fn whole<S: Suite>(&self) -> Outcome<KeyPackage<S>> {
        self.package(VerifyingShare::new(S::own_point(self.verifying_share)?))
    }

    /// For signing, which never looks at the share's own public half: the generator stands in for it.
    pub fn for_signing<S: Suite>(&self) -> Outcome<KeyPackage<S>> {
        self.package(VerifyingShare::new(S::Group::generator()))
    }

    fn package<S: Suite>(&self, verifying_share: VerifyingShare<S>) -> Outcome<KeyPackage<S>> {
        let verifying_key = VerifyingKey::new(S::own_point(self.verifying_key)?);
        Ok(KeyPackage::new(identifier(self.index)?, self.secret()?, verifying_share, verifying_key, self.threshold))
    }
}

/// A `PublicKeyPackage`, unread.
pub struct PublicKeys<'a> {
    pub verifying_shares: Map<'a>,
    pub verifying_key: &'a [u8],
    pub threshold: u16,
}

impl<'a> PublicKeys<'a> {
    pub fn read<S: Suite>(bytes: &'a [u8]) -> Outcome<Self> {
        let mut fields = Fields(bytes);
        fields.header::<S>()?;
        let (mut verifying_shares, mut last) = (Map::new(), 0);
        for _ in 0..fields.varint()? {
            let index = index::<S>(fields.take(SCALAR)?)?;
            verifying_shares.insert(index, fields.take(S::POINT)?);
            if index <= last {
                return Err(Failure::INVALID_INPUT);
            }
            last = index;
        }
        let verifying_key = fields.take(S::POINT)?;
        // The threshold is an option of the crate's, and always there in ours.
        if fields.take(1)? != [1] {
            return Err(Failure::INVALID_INPUT);
        }
        let threshold = fields.varint()?;
        fields.end()?;
        if threshold < 2 || usize::from(threshold) > verifying_shares.len() {
            return Err(Failure::INVALID_INPUT);
        }
        Ok(PublicKeys { verifying_shares, verifying_key, threshold })
    }

    pub fn group_key<S: Suite>(&self) -> Outcome<VerifyingKey<S>> {
        Ok(VerifyingKey::new(S::point(self.verifying_key)?))
    }

    pub fn verifying_share<S: Suite>(&self, index: u16) -> Outcome<VerifyingShare<S>> {
        let bytes = self.verifying_shares.get(&index).ok_or(Failure::invalid_input([index].into()))?;
        Ok(VerifyingShare::new(S::point(bytes)?))
    }

    pub fn whole<S: Suite>(&self) -> Outcome<PublicKeyPackage<S>> {
        let indices = self.verifying_shares.keys();
        let shares = indices.map(|index| Ok((identifier(*index)?, self.verifying_share(*index)?)));
        Ok(PublicKeyPackage::new(shares.collect::<Outcome<_>>()?, self.group_key()?, Some(self.threshold)))
    }

    /// For adding up, which needs the group key alone.
    pub fn without_shares<S: Suite>(&self) -> Outcome<PublicKeyPackage<S>> {
        Ok(PublicKeyPackage::new(BTreeMap::new(), self.group_key()?, Some(self.threshold)))
    }
}

/// The nonces behind these commitments, which they end with.
pub fn nonces<S: Suite>(bytes: &[u8], commitments: &[u8]) -> Outcome<SigningNonces<S>> {
    let exact = bytes.len() == 10 + 2 * (SCALAR + S::POINT) && commitments.len() == 5 + 2 * S::POINT;
    if exact && bytes.ends_with(commitments) { Ok(SigningNonces::deserialize(bytes)?) } else { Err(Failure::INVALID_INPUT) }
}

pub fn commitments<S: Suite>(bytes: &[u8]) -> Outcome<SigningCommitments<S>> {
    let mut fields = Fields(bytes);
    fields.header::<S>()?;
    let hiding: Element<S> = S::point(fields.take(S::POINT)?)?;
    let binding: Element<S> = S::point(fields.take(S::POINT)?)?;
    fields.end()?;
    Ok(SigningCommitments::new(NonceCommitment::new(hiding), NonceCommitment::new(binding)))
}

/// A DKG package with a vector of exactly `len` commitments.
pub fn round1<S: Suite>(bytes: &[u8], len: usize) -> Outcome<round1::Package<S>> {
    let package = round1::Package::<S>::deserialize(bytes)?;
    let canonical = package.serialize()? == bytes;
    if canonical && package.commitment().coefficients().len() == len { Ok(package) } else { Err(Failure::INVALID_INPUT) }
}

pub fn round2<S: Suite>(bytes: &[u8]) -> Outcome<round2::Package<S>> {
    if bytes.len() != 5 + SCALAR {
        return Err(Failure::INVALID_INPUT);
    }
    Ok(round2::Package::deserialize(bytes)?)
}

/// Reads every entry, or names all participants whose entry cannot be read.
pub fn read_all<S: Suite, T>(
    map: &Map,
    read: impl Fn(&[u8]) -> Outcome<T>,
    blame: fn(Vec<u16>) -> Failure,
) -> Outcome<BTreeMap<Identifier<S>, T>> {
    let (mut all, mut culprits) = (BTreeMap::new(), Vec::new());
    for (index, bytes) in map {
        match read(bytes) {
            Ok(value) => drop(all.insert(identifier(*index)?, value)),
            Err(_) => culprits.push(*index),
        }
    }
    if culprits.is_empty() { Ok(all) } else { Err(blame(culprits)) }
}

/// The indices for which `honest` does not hold.
pub fn blamed<S: Suite, T>(all: &BTreeMap<Identifier<S>, T>, honest: impl Fn(&Identifier<S>, &T) -> bool) -> Vec<u16> {
    all.iter().filter(|(id, value)| !honest(id, value)).filter_map(|(id, _)| index_of(id)).collect()
}
