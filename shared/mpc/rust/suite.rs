//! What the generic layer needs to know about a suite beyond `frost_core::Ciphersuite`.

use crate::failure::{Failure, Outcome};
use crate::wire::array;
use curve25519_dalek::{edwards::CompressedEdwardsY, scalar::clamp_integer, Scalar as Scalar25519};
use frost_core::keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare};
use frost_core::{Ciphersuite, Element, Field, Group, Scalar, SigningKey, VerifyingKey};
use frost_ed25519::Ed25519Sha512;
use frost_secp256k1_tr::keys::{EvenY, Tweak};
use frost_secp256k1_tr::Secp256K1Sha256TR;
use sha2::{Digest, Sha512};

/// What is added to the group key.
#[derive(Clone, Copy)]
pub enum TweakArgument<'a> {
    /// Nothing (BIP-340).
    None,
    /// BIP-341's hash, with or without a Merkle root.
    Taproot(Option<&'a [u8]>),
    /// This scalar, big endian. The group key has an even Y: plain and x-only are the same.
    Scalar(&'a [u8; 32]),
}

pub trait Suite: Ciphersuite {
    /// Version and suite, as the crates' serialisations begin: 0 and CRC-32 of the suite's name, big endian.
    const HEADER: [u8; 5];
    /// Bytes of a serialised point.
    const POINT: usize;

    /// A point from a peer: canonical, not the identity, of prime order.
    fn point(bytes: &[u8]) -> Outcome<Element<Self>>;

    /// A point that this same layer wrote into a share, which is kept under authenticated encryption.
    fn own_point(bytes: &[u8]) -> Outcome<Element<Self>> {
        Self::point(bytes)
    }

    /// The point behind a 32-byte group key.
    fn lift(group_key: &[u8]) -> Outcome<Element<Self>>;

    /// The 32-byte group key of a normalised point.
    fn group_key(point: &[u8]) -> &[u8] {
        &point[point.len() - 32..]
    }

    /// The signing key of an existing secret key in the form its standard gives it.
    fn import(secret_key: &[u8]) -> Outcome<SigningKey<Self>>;

    /// The same key with a group key that its 32 bytes determine.
    fn normal_share(share: KeyPackage<Self>) -> KeyPackage<Self> {
        share
    }

    fn normal_keys(keys: PublicKeyPackage<Self>) -> PublicKeyPackage<Self> {
        keys
    }

    fn tweak_share(share: KeyPackage<Self>, tweak: TweakArgument) -> Outcome<KeyPackage<Self>> {
        refuse_tweak(tweak).map(|()| share)
    }

    fn tweak_keys(keys: PublicKeyPackage<Self>, tweak: TweakArgument) -> Outcome<PublicKeyPackage<Self>> {
        refuse_tweak(tweak).map(|()| keys)
    }
}

fn refuse_tweak(tweak: TweakArgument) -> Outcome<()> {
    if matches!(tweak, TweakArgument::None) { Ok(()) } else { Err(Failure::INVALID_INPUT) }
}

impl Suite for Secp256K1Sha256TR {
    const HEADER: [u8; 5] = [0, 0x23, 0x0f, 0x8a, 0xb3];
    const POINT: usize = 33;

    fn point(bytes: &[u8]) -> Outcome<Element<Self>> {
        // SEC1's compact form (tag 5) has the same length and the crate reads it: one point, two encodings.
        match bytes.first() {
            Some(2 | 3) => Self::deserialized(bytes),
            _ => Err(Failure::INVALID_INPUT),
        }
    }

    fn lift(group_key: &[u8]) -> Outcome<Element<Self>> {
        let x: [u8; 32] = array(group_key)?;
        let mut point = [2; 33];
        point[1..].copy_from_slice(&x);
        Self::point(&point)
    }

    fn import(secret_key: &[u8]) -> Outcome<SigningKey<Self>> {
        Ok(SigningKey::deserialize(secret_key)?)
    }

    fn normal_share(share: KeyPackage<Self>) -> KeyPackage<Self> {
        share.into_even_y(None)
    }

    fn normal_keys(keys: PublicKeyPackage<Self>) -> PublicKeyPackage<Self> {
        keys.into_even_y(None)
    }

    fn tweak_share(share: KeyPackage<Self>, tweak: TweakArgument) -> Outcome<KeyPackage<Self>> {
        Ok(match tweak {
            TweakArgument::None => share,
            TweakArgument::Taproot(root) => share.tweak(root),
            TweakArgument::Scalar(bytes) => {
                let (share, added) = (share.into_even_y(None), Added::<Self>::read(bytes)?);
                KeyPackage::new(
                    *share.identifier(),
                    SigningShare::new(share.signing_share().to_scalar() + added.scalar),
                    added.to_share(share.verifying_share()),
                    added.to_key(share.verifying_key())?,
                    *share.min_signers(),
                )
            }
        })
    }

    fn tweak_keys(keys: PublicKeyPackage<Self>, tweak: TweakArgument) -> Outcome<PublicKeyPackage<Self>> {
        Ok(match tweak {
            TweakArgument::None => keys,
            TweakArgument::Taproot(root) => keys.tweak(root),
            TweakArgument::Scalar(bytes) => {
                let (keys, added) = (keys.into_even_y(None), Added::<Self>::read(bytes)?);
                let shares = keys.verifying_shares().iter().map(|(id, share)| (*id, added.to_share(share)));
                PublicKeyPackage::new(shares.collect(), added.to_key(keys.verifying_key())?, keys.min_signers())
            }
        })
    }
}

/// A scalar t, from 0 to the order less 1, and t·G: what a tweak adds to a secret, and to its point.
struct Added<S: Suite> {
    scalar: Scalar<S>,
    point: Element<S>,
}

impl<S: Suite> Added<S> {
    fn read(bytes: &[u8; 32]) -> Outcome<Self> {
        let bytes = bytes.as_slice().try_into().map_err(|_| Failure::INVALID_INPUT)?;
        let scalar = <S::Group as Group>::Field::deserialize(&bytes).map_err(|_| Failure::INVALID_INPUT)?;
        Ok(Added { scalar, point: S::Group::generator() * scalar })
    }

    fn to_share(&self, share: &VerifyingShare<S>) -> VerifyingShare<S> {
        VerifyingShare::new(share.to_element() + self.point)
    }

    /// Refuses the point at infinity.
    fn to_key(&self, key: &VerifyingKey<S>) -> Outcome<VerifyingKey<S>> {
        let sum = key.to_element() + self.point;
        if sum == S::Group::identity() { Err(Failure::INVALID_INPUT) } else { Ok(VerifyingKey::new(sum)) }
    }
}

impl Suite for Ed25519Sha512 {
    const HEADER: [u8; 5] = [0, 0xb1, 0x69, 0xf0, 0xda];
    const POINT: usize = 32;

    fn point(bytes: &[u8]) -> Outcome<Element<Self>> {
        Self::deserialized(bytes)
    }

    /// Without the check of the order, which costs as much as a signature's multiplication.
    fn own_point(bytes: &[u8]) -> Outcome<Element<Self>> {
        CompressedEdwardsY(array(bytes)?).decompress().ok_or(Failure::INVALID_INPUT)
    }

    fn lift(group_key: &[u8]) -> Outcome<Element<Self>> {
        Self::point(group_key)
    }

    /// RFC 8032, 5.1.5: the scalar is the clamped first half of SHA-512 of the 32-byte private key.
    fn import(secret_key: &[u8]) -> Outcome<SigningKey<Self>> {
        let seed: [u8; 32] = array(secret_key)?;
        let mut half = [0; 32];
        half.copy_from_slice(&Sha512::digest(seed)[..32]);
        Ok(SigningKey::from_scalar(Scalar25519::from_bytes_mod_order(clamp_integer(half)))?)
    }
}

trait Deserialized: Suite {
    fn deserialized(bytes: &[u8]) -> Outcome<Element<Self>> {
        let bytes = bytes.try_into().map_err(|_| Failure::INVALID_INPUT)?;
        Self::Group::deserialize(&bytes).map_err(|_| Failure::INVALID_INPUT)
    }
}

impl<S: Suite> Deserialized for S {}
