"""The demo's goods, money, library, clubs and figures."""

from __future__ import annotations

TABLES = """
suppliers 16
  id; name str ~company; tax_number str? unique ~digits10; phone str?; email str?; address text?; rating dec? ~rating
  timestamps; softdeletes
inventory_categories 12
  id; parent_id >inventory_categories?
  name str ~list:Mebel|Kompüter|Printer|İdman|Laboratoriya|Mətbəx|Musiqi|Təmizlik|Kitab|Elektronika|Alət|Digər
  timestamps
inventory_items 310
  id; uuid uuid unique; inventory_category_id >inventory_categories?; institution_id >institutions; room_id >rooms?
  name str ~item; serial_number str? unique ~serial_number; quantity int=1; unit_price dec? ~money
  warranty_months int? ~number:6-60; purchased_on date?; is_written_off bool=0; timestamps; softdeletes
inventory_transactions 260
  id; inventory_item_id >inventory_items; user_id >users?; type enum[in|out|move|write_off]; quantity int; note text?
  moved_at datetime index; timestamps
budgets 30
  id; institution_id >institutions ~cycle; year int ~number:2021-2025; total dec ~money; approved_by >users?
  approved_at datetime?; timestamps
budget_lines 160
  id; budget_id >budgets; code str ~code:BM; title str; planned dec=0 ~money; spent dec? ~money; timestamps
  unique(budget_id, code)
payments 70
  id; budget_line_id >budget_lines?; supplier_id >suppliers?; number str unique ~code:ÖD; amount dec
  currency str=AZN ~const:AZN; paid_on date?; timestamps
kpi_indicators 12
  id; name str ~title; code str unique ~code:KPI; unit str=% ~const:%; target dec? ~percent; timestamps
kpi_values 140
  id; kpi_indicator_id >kpi_indicators; institution_id >institutions; month str ~month; value dec? ~percent
  timestamps; unique(kpi_indicator_id, institution_id, month)
statistics_snapshots 60
  id; taken_on date; scope str ~pick:country|region|sector; metrics json; checksum str? ~hex40; timestamps
region_statistics 84
  id; region_id >regions; year int ~number:2019-2025; students int=0 ~number:900-60000; teachers int=0 ~number:90-6000
  pupils_per_teacher float? ~rating; timestamps; unique(region_id, year)
"""
