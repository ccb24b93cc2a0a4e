/** One operation of a 2-of-3 ceremony, to be measured. */
export type Operation = { name: string; run: () => unknown }

/** Gives each run inputs of its own; what it does itself is not measured. */
export type Prepare = () => Operation[]
