//! Adaptor signatures, as secp256k1-zkp has them: the adaptor point T is added to the first aggregate nonce before the nonce
//! coefficient is hashed.
//!
//! The crate's own `adaptor` adds T after it. Whoever could still choose T when the nonces are known would then have
//! Wagner's attack again, which two nonces are there to prevent: the honest signers' nonce would not depend on T.

use super::read::{self, POINT};
use crate::failure::{Failure, Outcome};
use crate::wire::{array, one, Reader, Writer};
use ::musig2::adaptor::verify_single as verify_pre_signature;
use ::musig2::{verify_single, AdaptorSignature, AggNonce, CompactSignature, LiftedSignature};
use alloc::vec::Vec;
use secp::{MaybePoint, MaybeScalar, Point, Scalar};

const PRE_SIGNATURE: usize = POINT + 32;

/// T, or no adaptor.
pub struct Adaptor(Option<Point>);

impl Adaptor {
    pub fn read_optional(bytes: &[u8]) -> Outcome<Self> {
        Ok(Adaptor(if bytes.is_empty() { None } else { Some(read::point(bytes)?) }))
    }

    pub fn serialize(&self) -> [u8; POINT] {
        self.0.map_or([0; POINT], |point| point.serialize())
    }

    pub fn added_to(&self, aggnonce: AggNonce) -> AggNonce {
        match self.0 {
            None => aggnonce,
            Some(point) => AggNonce::new(aggnonce.R1 + point, aggnonce.R2),
        }
    }

    /// The signature or pre-signature of the whole nonce and s, if it verifies.
    pub fn finished(&self, key: &Point, message: &[u8], nonce: Point, s: MaybeScalar) -> Option<Vec<u8>> {
        match self.0 {
            None => {
                let signature = CompactSignature::new(nonce, s);
                verify_single(*key, signature, message).ok()?;
                Some(signature.serialize().to_vec())
            }
            Some(adaptor) => {
                let signers: Point = (nonce - adaptor).into_option()?;
                let pre_signature = AdaptorSignature::new(signers, s);
                verify_pre_signature(*key, &pre_signature, message, adaptor).ok()?;
                Some(pre_signature.serialize().to_vec())
            }
        }
    }
}

/// What a pre-signature is of: the public key (x-only), the message and T; and the pre-signature: R of the signers, and s.
struct PreSigned<'a> {
    key: Point,
    message: &'a [u8],
    adaptor: Point,
    signature: AdaptorSignature,
}

impl<'a> PreSigned<'a> {
    /// Four items. What is no pre-signature at all is not one of these either.
    fn read(arguments: &mut Reader<'a>) -> Outcome<(Self, bool)> {
        let (key, message) = (read::lift_x(arguments.bytes()?)?, arguments.bytes()?);
        let (adaptor, bytes) = (read::point(arguments.bytes()?)?, arguments.bytes()?);
        let signature = pre_signature(bytes).unwrap_or(AdaptorSignature::new(MaybePoint::Infinity, MaybeScalar::Zero));
        let read = PreSigned { key, message, adaptor, signature };
        let verified = pre_signature(bytes).is_ok() && read.verifies();
        Ok((read, verified))
    }

    fn verified(arguments: &mut Reader<'a>) -> Outcome<Self> {
        let (read, verified) = Self::read(arguments)?;
        if verified { Ok(read) } else { Err(Failure::INVALID_SIGNATURE) }
    }

    fn verifies(&self) -> bool {
        verify_pre_signature(self.key, &self.signature, self.message, self.adaptor).is_ok()
    }

    fn is_secret(&self, secret: &Scalar) -> bool {
        secret.base_point_mul() == self.adaptor
    }
}

fn pre_signature(bytes: &[u8]) -> Outcome<AdaptorSignature> {
    let bytes: [u8; PRE_SIGNATURE] = array(bytes)?;
    Ok(AdaptorSignature::new(read::point(&bytes[..POINT])?, read::scalar(&bytes[POINT..])?))
}

pub fn verify(arguments: &mut Reader) -> Outcome<Writer> {
    let (_, verified) = PreSigned::read(arguments)?;
    arguments.end()?;
    Ok(Writer::default().flag(verified))
}

/// The signature, of a pre-signature and the secret of its adaptor.
pub fn adapt(arguments: &mut Reader) -> Outcome<Writer> {
    let pre = PreSigned::verified(arguments)?;
    let secret = read::secret(arguments.bytes()?)?;
    arguments.end()?;
    if !pre.is_secret(&secret) {
        return Err(Failure::INVALID_INPUT);
    }
    let signature: CompactSignature = pre.signature.adapt(secret).ok_or(Failure::INVALID_SIGNATURE)?;
    verify_single(pre.key, signature, pre.message).map_err(|_| Failure::INVALID_SIGNATURE)?;
    one(&signature.serialize())
}

/// The secret of the adaptor, of a pre-signature and the signature that was made of it.
pub fn extract(arguments: &mut Reader) -> Outcome<Writer> {
    let pre = PreSigned::verified(arguments)?;
    let signature: [u8; 64] = array(arguments.bytes()?)?;
    arguments.end()?;
    let signature = LiftedSignature::from_bytes(&signature).map_err(|_| Failure::INVALID_SIGNATURE)?;
    verify_single(pre.key, signature.compact(), pre.message).map_err(|_| Failure::INVALID_SIGNATURE)?;
    let secret: Option<MaybeScalar> = pre.signature.reveal_secret(&signature);
    match secret.and_then(MaybeScalar::into_option) {
        Some(secret) if pre.is_secret(&secret) => one(&secret.serialize()),
        _ => Err(Failure::INVALID_INPUT),
    }
}

/// T_1 + … + T_k, whose secret is the sum of theirs. Names all that are no points.
pub fn sum(arguments: &mut Reader) -> Outcome<Writer> {
    let map = arguments.map()?;
    arguments.end()?;
    let sum = Point::sum(read::all(&map, read::point)?.values());
    one(&sum.into_option().ok_or(Failure::INVALID_INPUT)?.serialize())
}

/// t_1 + … + t_k, or what is left of such a sum (32 bytes, or nothing) without them. It is not zero.
pub fn secrets(arguments: &mut Reader) -> Outcome<Writer> {
    let (whole, map) = (arguments.bytes()?, arguments.map()?);
    arguments.end()?;
    let known: MaybeScalar = read::all(&map, read::secret)?.into_values().sum();
    let wanted = if whole.is_empty() { known } else { read::scalar(whole)? - known };
    one(&wanted.into_option().ok_or(Failure::INVALID_INPUT)?.serialize())
}
