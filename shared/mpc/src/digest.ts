/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = 'c7e2235db5ebd40ca008509a0caf1ae8cbf255b8683ed5c784c63a56fbd50ce0'
