/** Property tests try the same inputs for every mutant, and look for no smaller ones. */
import fc from 'fast-check';

fc.configureGlobal({ seed: 1, endOnFailure: true });
