//! BIP-340 with a plain secret key, which is nobody's share: a transport key's signatures.

use crate::failure::Outcome;
use crate::point;
use crate::rng::HostRng;
use crate::wire::{one, Reader, Writer};
use k256::schnorr::SigningKey;
use rand_core::RngCore;

/// Sign. The nonce comes of secret, message and `a`, which is fresh from the host: `a` alone decides nothing.
pub fn sign(arguments: &mut Reader) -> Outcome<Writer> {
    let secret = point::secret(arguments)?;
    let message = arguments.bytes()?;
    arguments.end()?;
    // Negates the secret where its point has an odd Y.
    let key = SigningKey::from(&secret);
    let mut a = [0; 32];
    HostRng.fill_bytes(&mut a);
    // Fails only where a hash is zero or beyond the order, which nobody has seen.
    let signature = key.sign_raw(message, &a).unwrap();
    // A fault in what is above could give the secret away; it ends the call.
    assert!(key.verifying_key().verify_raw(message, &signature).is_ok());
    one(&signature.to_bytes())
}
