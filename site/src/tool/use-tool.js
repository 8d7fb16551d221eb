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
 * and what was asked. A question of null has no answer. It is asked again when `age` changes.
 */
export function useAnswer(tool, command, question, documents, age) {
  const [answered, setAnswered] = useState({});
  const key = question && JSON.stringify(question);
  useEffect(() => {
    if (tool === undefined || question === null) return undefined;
    let isLatest = true;
    const ask = async () => {
      const answer = await tool.ask(command, question, documents);
      if (answer !== null && isLatest) setAnswered({ answer, question, key, documents });
    };
    // Typing asks once.
    const timer = setTimeout(ask, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      isLatest = false;
    };
  }, [tool, key, documents, age]);
  if (question === null) return [undefined, false];
  return [answered.answer, answered.key !== key || answered.documents !== documents, answered.question];
}

/** Counts periods, so that what depends on the time is asked again. */
export function useAge(milliseconds) {
  const [age, setAge] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setAge((before) => before + 1), milliseconds);
    return () => clearInterval(timer);
  }, []);
  return age;
}
