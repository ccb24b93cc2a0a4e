/** SHA-256 of mpc.wasm; written by build.js. */
export const MPC_SHA256 = 'e7caf7bef5f945dce5e9e5c530048a53f6a4819183c5b1df6aace8f9ed7836a4'
