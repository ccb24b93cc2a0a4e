/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = '065f84dfb6bfeb1aa4a1b25ace259264c20927edb1b4ca2297a7051334965a62'
