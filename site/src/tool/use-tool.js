// The tool's answers in components.

import { useEffect, useState } from 'preact/hooks';

import { Tool } from './tool.js';

const PAUSE_MS = 60;

/** `{ tool }` once it is loaded, or `{ problem }`. */
export function useLoadedTool() {
  const [loaded, setLoaded] = useState({});
  useEffect(() => {
    Tool.load().then((tool) => setLoaded({ tool }), ({ message }) => setLoaded({ problem: message }));
  }, []);
  return loaded;
}

/** The latest answer to a question; it stays until the next one is answered. A question of null has none. */
export function useAnswer(tool, command, question, documents) {
  const [answer, setAnswer] = useState();
  const key = question && JSON.stringify(question);
  useEffect(() => {
    if (tool === undefined) return undefined;
    if (question === null) return setAnswer(undefined);
    const ask = async () => {
      const answered = await tool.ask(command, question, documents);
      if (answered !== null) setAnswer({ ...answered, question });
    };
    // Typing asks once.
    const timer = setTimeout(ask, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [tool, key, documents]);
  return answer;
}
