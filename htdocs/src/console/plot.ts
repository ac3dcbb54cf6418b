// What of ECharts is used: bars, drawn as SVG (sharp on paper, text that can be read). A chunk of its own.
import { BarChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, SVGRenderer])

export const makePlot = (place: HTMLElement) => init(place, undefined, { renderer: 'svg' })

/** ECharts empties its place by innerHTML when a page is left: of Trusted Types the empty text is allowed, and nothing else. */
const trusted = (globalThis as { trustedTypes?: { createPolicy: (name: string, rules: object) => unknown } }).trustedTypes
trusted?.createPolicy('default', { createHTML: (text: string) => (text === '' ? text : null) })
