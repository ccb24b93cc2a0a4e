/** SHA-256 of mpc.wasm; written by check-digest.js. */
export const MPC_SHA256 = '0f56856656e9eed7c096d2c6071ce87b903c416871680a8fbda6840c14f98131'
