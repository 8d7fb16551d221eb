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

/**
 * `[answer, isWaiting, question]`: the latest answer, which stays until the next question is answered, whether that is awaited,
 * and what was asked. A question of null has no answer. After `lasting` milliseconds it is asked again.
 */
export function useAnswer(tool, command, question, documents, lasting) {
  const [answered, setAnswered] = useState({});
  const key = question && JSON.stringify(question);
  useEffect(() => {
    if (tool === undefined || question === null) return undefined;
    let isLatest = true;
    // Typing asks once.
    let timer = setTimeout(ask, PAUSE_MS);
    async function ask() {
      const answer = await tool.ask(command, question, documents);
      if (answer === null || !isLatest) return;
      setAnswered({ answer, question, key, documents });
      if (lasting !== undefined) timer = setTimeout(ask, lasting);
    }
    return () => {
      clearTimeout(timer);
      isLatest = false;
    };
  }, [tool, key, documents]);
  if (question === null) return [undefined, false];
  return [answered.answer, answered.key !== key || answered.documents !== documents, answered.question];
}
