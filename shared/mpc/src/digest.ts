/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = 'f7bb7c0bdbfa0f397a1bc5ab5ff1bc32a3844202498880c4f210108f33156ed9'
