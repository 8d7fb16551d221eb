// Keeps an error within the part of the page where it happens.

import { Component } from 'preact';

import { WORDS } from './words.js';

export class Boundary extends Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { problem: error.message };
  }

  /** Tries again with what comes next. */
  componentDidUpdate(before) {
    if (this.state.problem !== undefined && before.children !== this.props.children) this.setState({ problem: undefined });
  }

  render({ children }, { problem }) {
    return problem === undefined ? children : <p class="bad">{WORDS.broken(problem)}</p>;
  }
}
