// What of ECharts is used: bars, drawn as SVG (sharp on paper, text that can be read). A chunk of its own.
import { BarChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, SVGRenderer])

export const makePlot = (place: HTMLElement) => init(place, undefined, { renderer: 'svg' })
