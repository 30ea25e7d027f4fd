/**
 * The labelled points of the persistence server's own work at which a test makes the process die; the store's are in
 * store/phases.ts. Production gives an effect that does nothing. The names are part of the crash campaign's reports.
 */

export const serverPhases = {
  'demarcation-begin': 'between two slices; nothing was collected',
  collected: 'the changed set is out of the kernel and in no batch',
  copied: 'pages, objects and rows are in the ring; the batch is not published',
  published: 'the worker was told; the machine has not gone on',
  released: 'output of a committed checkpoint has left; nobody has noted that it did',
  'restart-begin': 'the head is verified; no object exists',
  'objects-created': 'every object exists, none is linked',
  'objects-linked': 'every object is as it was saved',
  'restart-end': 'the next thing is the first slice',
} as const;

export type ServerPhase = keyof typeof serverPhases;
