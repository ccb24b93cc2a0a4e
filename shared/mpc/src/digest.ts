/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = 'ed784090d939d6eedb90991d1e146a77310f809e97c1c2fbf58edb6264e42d79'
