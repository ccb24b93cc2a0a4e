const hosts = ['localhost', '127.0.0.1', '[::1]']

/** As `QUORATE_CORS_ORIGIN` takes it: pages that this machine serves to itself, on any port. */
export const loopbackPages = hosts.flatMap((host) => [`http://${host}:*`, `https://${host}:*`]).join(',')
