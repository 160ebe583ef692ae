/** Seen from far away, where no small words can be read, nodes and edges show less: a graph of hundreds
 * is then drawn with a tenth of the elements. */
import { useStore } from '@xyflow/react';
import { createContext, useContext } from 'react';

/** Below this zoom. */
const FAR = 0.42;

export const FarContext = createContext(false);

/** For the canvas alone: who draws asks with `useFar`, which costs nothing as the view moves. */
export function useZoomedOut(): boolean {
  return useStore(({ transform: [, , zoom] }) => zoom < FAR);
}

export function useFar(): boolean {
  return useContext(FarContext);
}
