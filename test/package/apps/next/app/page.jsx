'use client'
import { useEffect } from 'react'

export default function Page() {
  useEffect(() => void import('../shared/main.js'), [])
  return <p>A page that imports the package</p>
}
