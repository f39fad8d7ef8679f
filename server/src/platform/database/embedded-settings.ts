import { PGlite } from '@electric-sql/pglite';

/**
 * PGlite's own parameters, with small buffers: its default of 128 MB would be this service's largest piece of memory,
 * and the control database of one node is small and mostly read through caches of ours.
 */
export const startParams = [
  ...PGlite.defaultStartParams,
  ...[
    '-c',
    'shared_buffers=16MB',
    '-c',
    'wal_buffers=1MB',
    '-c',
    'max_wal_size=64MB',
    '-c',
    'min_wal_size=32MB',
    '-c',
    'wal_recycle=off',
  ],
];
