// Tabs, as the ARIA Authoring Practices describe them.

import { useId, useRef } from 'preact/hooks';

import { Boundary } from './boundary.jsx';

/** `tabs` are `{ name, title, content }`; `content` is called for the selected one. */
export function Tabs({ label, tabs, selected, onSelect, className }) {
  const id = useId();
  const list = useRef();
  const move = (event) => {
    const at = tabs.findIndex(({ name }) => name === selected);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const index = (next + tabs.length) % tabs.length;
    onSelect(tabs[index].name);
    list.current.children[index].focus();
  };
  return (
    <div class={`tabs ${className ?? ''}`}>
      <div role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map(({ name, title }) => (
          <button
            key={name} type="button" role="tab" id={`${id}-${name}`} aria-selected={name === selected} aria-controls={`${id}-panel`}
            tabIndex={name === selected ? 0 : -1} onClick={() => onSelect(name)}
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${selected}`} tabIndex={0}>
        <Boundary key={selected}><Content of={tabs.find(({ name }) => name === selected)} /></Boundary>
      </div>
    </div>
  );
}

/** A component of its own, so that its errors are the boundary's. */
function Content({ of: { content } }) {
  return content();
}
