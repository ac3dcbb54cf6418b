// What is under way, for the bar at the top of every page: whatever takes longer than a second shows progress, also what no page
// says anything about (a number that is looked for, a download, the pages of the program themselves).
import { computed, ref } from 'vue'

const PATIENCE = 1000 // ms

let underWay = 0
const late = ref(0)
/** Has something been under way for more than a second? */
export const isSlow = computed(() => late.value > 0)

/** Whoever waits until a page has come to rest, such as a program that reads it, sees data-under-way of <html>. */
function count(by: 1 | -1) {
  underWay += by
  document.documentElement.toggleAttribute('data-under-way', underWay > 0)
}

/** Something begins. @return to be called at its end; a second time does nothing */
export function begin(): () => void {
  let isLate = false
  let isOver = false
  count(1)
  const timer = setTimeout(() => {
    isLate = true
    late.value++
  }, PATIENCE)
  return () => {
    if (isOver) return
    isOver = true
    count(-1)
    clearTimeout(timer)
    if (isLate) late.value--
  }
}
