export const canary = 'CANARYc0ffee'

/** The nonces that make a leaking enclave crash, each in another way. */
export const crashes = {
  'an error': '01'.repeat(32),
  'a rejection': '02'.repeat(32),
  'a text': '03'.repeat(32),
}
