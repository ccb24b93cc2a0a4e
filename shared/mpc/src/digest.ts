/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = '9638dfd07228e64c82e9c5fdb07f61f8a923fea3c4979c570d33403f62606860'
