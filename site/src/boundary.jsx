// Keeps an error within the part of the page where it happens.

import { Component } from 'preact';

import { WORDS } from './words.js';

export class Boundary extends Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { problem: error.message };
  }

  render({ children }, { problem }) {
    return problem === undefined ? children : <p class="bad">{WORDS.broken(problem)}</p>;
  }
}
