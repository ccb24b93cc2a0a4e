//! Single points of secp256k1, for sealing: what FROST does not need and ECIES does.

use crate::failure::{Failure, Outcome};
use crate::wire::{one, Reader, Writer};
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::{ProjectivePoint, PublicKey, SecretKey};

pub fn call(operation: u32, arguments: &mut Reader) -> Outcome<Writer> {
    match operation {
        1 => {
            let secret = secret(arguments)?;
            arguments.end()?;
            one(secret.public_key().to_encoded_point(true).as_bytes())
        }
        2 => {
            let (secret, public) = (secret(arguments)?, public(arguments)?);
            arguments.end()?;
            // Neither factor is zero and the order is prime, so this is never the identity.
            let shared: ProjectivePoint = public.to_projective() * *secret.to_nonzero_scalar();
            one(shared.to_affine().to_encoded_point(false).as_bytes())
        }
        3 => {
            let public = public(arguments)?;
            arguments.end()?;
            one(public.to_encoded_point(false).as_bytes())
        }
        _ => Err(Failure::INVALID_INPUT),
    }
}

/// 32 bytes, big endian, from 1 to n−1.
pub fn secret(arguments: &mut Reader) -> Outcome<SecretKey> {
    let bytes = arguments.bytes()?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| Failure::INVALID_INPUT)?;
    SecretKey::from_bytes(&bytes.into()).map_err(|_| Failure::INVALID_INPUT)
}

/// SEC1, compressed (33 bytes) or not (65), on the curve.
fn public(arguments: &mut Reader) -> Outcome<PublicKey> {
    match arguments.bytes()? {
        bytes @ ([2 | 3, ..] | [4, ..]) => PublicKey::from_sec1_bytes(bytes).map_err(|_| Failure::INVALID_INPUT),
        _ => Err(Failure::INVALID_INPUT),
    }
}
