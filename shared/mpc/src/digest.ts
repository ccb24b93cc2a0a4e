/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = 'c06f92250219897d1804cb2db3a2196ef03e79cddad94821fc1b9d74af1769e2'
