// Texts of the tool, which mark names by backticks.

export function Marked({ text }) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
