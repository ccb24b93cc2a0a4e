/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = 'e450a86ccfe024925a16113d5d24a0dadfe2f55095662bf88ce166b43b0857a0'
