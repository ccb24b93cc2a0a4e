/** Loaded into a child before its own code: it ends, as orderly as it can, when its supervisor is gone. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()
