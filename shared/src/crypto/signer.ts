/** Holds an Ed25519 private key and signs with it; the key cannot be asked for. */
export type Signer = Readonly<{ publicKey: Uint8Array; sign: (message: Uint8Array) => Promise<Uint8Array> }>
