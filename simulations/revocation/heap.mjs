// A binary heap of items with a time `at`: the earliest is at the top.

export class Heap {
  #items = [];

  get top() {
    return this.#items[0];
  }

  push(item) {
    const items = this.#items;
    let place = items.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (items[parent].at <= item.at) break;
      items[place] = items[parent];
      place = parent;
    }
    items[place] = item;
  }

  /** Restores the order after the time of the top has grown. */
  settle() {
    const items = this.#items;
    const item = items[0];
    let place = 0;
    for (let child = 1; child < items.length; child = 2 * place + 1) {
      if (child + 1 < items.length && items[child + 1].at < items[child].at) child += 1;
      if (items[child].at >= item.at) break;
      items[place] = items[child];
      place = child;
    }
    items[place] = item;
  }

  /** Removes the top. */
  drop() {
    const last = this.#items.pop();
    if (this.#items.length === 0) return;
    this.#items[0] = last;
    this.settle();
  }
}
