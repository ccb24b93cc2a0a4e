/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = 'af416d7f91f69e191f06cd30f5da5406477a446ce6a069b5e2b2386e0c6ae1ca'
