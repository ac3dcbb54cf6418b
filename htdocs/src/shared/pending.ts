// What is under way, for the bar at the top of every page: whatever takes longer than a second shows progress, also what no page
// says anything about (a number that is looked for, a download, the pages of the program themselves).
import { computed, ref } from 'vue'

const PATIENCE = 1000 // ms

const late = ref(0)
/** Has something been under way for more than a second? */
export const isSlow = computed(() => late.value > 0)

/** Something begins. @return to be called once at its end */
export function begin(): () => void {
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    late.value++
  }, PATIENCE)
  return () => {
    clearTimeout(timer)
    if (isLate) late.value--
    isLate = false
  }
}
